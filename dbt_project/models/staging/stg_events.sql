with copies as (
    select
        {{ day_of_ms('at_ms') }} as day,
        session_id,
        video_id,
        type,
        at_ms,
        seq,
        position_ms,
        startup_ms,
        delivered_bytes,
        provider,
        viewer,
        country,
        first_of_week,
        first_of_month,
        watched_ms,
        stalled_ms,
        -- the copy received first counts; the further columns only make the choice definite
        row_number() over (
            partition by session_id, video_id, type, at_ms, seq
            order by
                received_at_ms asc,
                position_ms asc nulls first,
                duration_ms asc nulls first,
                startup_ms asc nulls first,
                delivered_bytes asc nulls first,
                provider asc,
                error_code asc nulls first,
                viewer asc,
                country asc,
                first_of_week asc nulls first,
                first_of_month asc nulls first,
                watched_ms asc nulls first,
                stalled_ms asc nulls first
        ) as copy_number
    from {{ source('raw', 'events') }}
)

select * exclude (copy_number)
from copies
where copy_number = 1
