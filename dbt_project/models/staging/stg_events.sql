with events as (
    select
        *,
        hash(session_id, video_id, type, at_ms, seq) as identity_hash
    from {{ source('raw', 'events') }}
),

repeated as (
    -- few or none: only these are worth sorting (two identities with one hash are told apart below)
    select identity_hash
    from events
    group by identity_hash
    having count(*) > 1
),

first_copies as (
    select events.*
    from events
    semi join repeated on events.identity_hash = repeated.identity_hash
    -- the copy received first counts; the further columns only make the choice definite
    qualify row_number() over (
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
            country asc
    ) = 1
),

distinct_events as (
    select events.*
    from events
    anti join repeated on events.identity_hash = repeated.identity_hash
    union all
    select * from first_copies
)

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
    country
from distinct_events
