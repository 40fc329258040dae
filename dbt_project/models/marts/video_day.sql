with views as (
    select
        day,
        video_id,
        creator_id,
        count(distinct viewer) filter (where played) as viewers,
        count(*) as views,
        count(*) filter (where played) as plays,
        {{ seconds(total('watch_ms')) }} as watch_seconds,
        count(*) filter (where completed) as completions
    from {{ ref('int_views') }}
    group by day, video_id, creator_id
),

levels as (
    {{ presence_levels(['day', 'video_id']) }}
),

peaks as (
    select
        day,
        video_id,
        max(present) as peak_concurrent_views
    from levels
    group by day, video_id
)

select
    {{ platform() }} as platform,
    views.day,
    views.video_id,
    views.creator_id,
    views.viewers,
    views.views,
    views.plays,
    views.watch_seconds,
    {{ ratio('views.watch_seconds', 'views.plays') }} as average_watch_seconds,
    {{ ratio('views.plays', 'views.views') }} as play_rate,
    views.completions,
    {{ ratio('views.completions', 'views.plays') }} as completion_rate,
    coalesce(peaks.peak_concurrent_views, 0) as peak_concurrent_views
from views
left join peaks
    on
        views.day = peaks.day
        and views.video_id = peaks.video_id
