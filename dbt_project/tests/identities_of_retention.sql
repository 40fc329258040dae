-- A video's plays are divided among its twenty bins; the curve begins with all of them and never
-- rises.
with curves as (
    select
        day,
        video_id,
        count(*) as bins,
        sum(furthest) as furthest,
        max(reached) filter (where bin = 0) as reached_at_start,
        bool_or(rises) as rises
    from (
        select
            *,
            reached > lag(reached) over (partition by day, video_id order by bin) as rises
        from {{ ref('retention_day') }}
        where platform = {{ platform() }} and {{ in_days() }}
    ) as steps
    group by day, video_id
),

videos as (
    select
        day,
        video_id,
        plays
    from {{ ref('video_day') }}
    where platform = {{ platform() }} and {{ in_days() }} and plays > 0
)

select
    coalesce(videos.day, curves.day) as day,
    coalesce(videos.video_id, curves.video_id) as video_id
from videos
full outer join curves
    on
        videos.day = curves.day
        and videos.video_id = curves.video_id
cross join {{ source('policy', 'bounds') }} as bounds
where
    (
        curves.bins = bounds.retention_bins
        and curves.furthest = videos.plays
        and curves.reached_at_start = videos.plays
        and not curves.rises
    ) is not true
