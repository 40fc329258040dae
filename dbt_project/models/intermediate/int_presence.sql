with playing as (
    select
        day,
        session_id,
        video_id,
        at_ms as start_ms,
        at_ms + played_ms as end_ms
    from {{ ref('int_view_intervals') }}
    where played_ms > 0
),

stalls as (
    select
        day,
        session_id,
        video_id,
        min(at_ms) as start_ms,
        min(at_ms) + sum(gap_ms)::bigint as end_ms
    from {{ ref('int_view_intervals') }}
    where state = 'stalled'
    group by day, session_id, video_id, stall_number
    having sum(gap_ms) between 1 and {{ var('longest_present_stall_ms') }}
)

select * from playing
union all
select * from stalls
