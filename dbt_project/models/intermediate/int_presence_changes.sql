with changes as (
    select
        day,
        video_id,
        start_ms as at_ms,
        1 as change
    from {{ ref('int_presence') }}
    union all
    select
        day,
        video_id,
        end_ms as at_ms,
        -1 as change
    from {{ ref('int_presence') }}
),

netted as (
    -- a view that plays on cancels itself out here: one span's end is the next one's start
    select
        day,
        video_id,
        at_ms,
        sum(change)::bigint as change
    from changes
    group by day, video_id, at_ms
    having sum(change) != 0
)

select
    netted.day,
    videos.creator_id,
    netted.video_id,
    netted.at_ms,
    netted.change
from netted
inner join {{ ref('stg_videos') }} as videos on netted.video_id = videos.video_id
