with watched as (
    select
        day,
        viewer,
        video_id,
        creator_id,
        sum(watch_ms)::bigint as watch_ms,
        max(furthest_bin) as furthest_bin,
        bool_or(completed) as completed,
        {{ selection_hash("concat_ws('|', day, viewer, video_id)") }} as place
    from {{ ref('int_views') }}
    where played
    group by day, viewer, video_id, creator_id
),

ranked as (
    select
        watched.*,
        row_number() over (
            partition by watched.day, watched.viewer order by watched.place
        ) as video_rank,
        least(bounds.seconds_per_video, watched.watch_ms // 1000)::bigint as uncut_seconds,
        bounds.seconds_per_day,
        bounds.videos_per_viewer_day
    from watched
    cross join {{ source('policy', 'bounds') }} as bounds
),

summed as (
    select
        *,
        coalesce(
            sum(uncut_seconds) over (
                partition by day, viewer
                order by video_rank
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as seconds_before
    from ranked
    where video_rank <= videos_per_viewer_day
)

select
    day,
    viewer,
    video_id,
    creator_id,
    video_rank,
    least(uncut_seconds, greatest(seconds_per_day - seconds_before, 0))::bigint as seconds,
    furthest_bin,
    completed
from summed
