with known as (
    select
        events.*,
        case events.type
            when 'load' then 0
            when 'play' then 1
            when 'seek' then 2
            when 'heartbeat' then 3
            when 'rebuffer' then 4
            when 'pause' then 5
            when 'complete' then 6
            when 'error' then 7
            when 'summary' then 8
        end as type_rank,
        case events.type
            when 'load' then 'idle'
            when 'play' then 'playing'
            when 'heartbeat' then 'playing'
            when 'rebuffer' then 'stalled'
            when 'pause' then 'paused'
            when 'complete' then 'ended'
            when 'error' then 'ended'
        end as state_set -- a seek sets none, nor does a summary
    from {{ ref('stg_events') }} as events
    semi join {{ ref('stg_videos') }} as videos on events.video_id = videos.video_id
),

ordered as (
    select
        *,
        row_number() over view_order as ordinal,
        coalesce(last_value(state_set ignore nulls) over so_far, 'idle') as state,
        lead(at_ms, 1, at_ms) over view_order - at_ms as gap_ms,
        lead(type) over view_order as next_type,
        lead(position_ms) over view_order as next_position_ms,
        count(*) filter (where state_set != 'stalled') over so_far as stalls_ended
    from known
    window
        view_order as (partition by day, session_id, video_id order by at_ms, seq, type_rank),
        so_far as (
            partition by day, session_id, video_id
            order by at_ms, seq, type_rank
            rows between unbounded preceding and current row
        )
),

advanced as (
    select
        *,
        case
            when next_type != 'seek' then greatest(coalesce(next_position_ms - position_ms, 0), 0)
            else 0
        end as advance_ms
    from ordered
)

select
    day,
    session_id,
    video_id,
    ordinal,
    viewer,
    country,
    provider,
    type,
    at_ms,
    position_ms,
    startup_ms,
    delivered_bytes,
    first_of_week,
    first_of_month,
    watched_ms,
    stalled_ms,
    state,
    gap_ms,
    case
        when state = 'playing'
            then least(gap_ms, greatest({{ var('silence_cap_ms') }}, advance_ms))
        else 0
    end as played_ms,
    -- equal for stalled intervals that follow each other, different for those that do not
    case when state = 'stalled' then stalls_ended end as stall_number
from advanced
