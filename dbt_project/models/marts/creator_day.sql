with views as (
    select
        day,
        creator_id,
        count(distinct viewer) filter (where played) as viewers,
        count(distinct video_id) filter (where played) as videos_played,
        count(*) filter (where played) as plays,
        {{ seconds(total('watch_ms')) }} as watch_seconds,
        count(*) filter (where completed) as completions
    from {{ ref('int_views') }}
    group by day, creator_id
),

levels as (
    {{ presence_levels(['day', 'creator_id']) }}
),

peaks as (
    select
        day,
        creator_id,
        max(present) as peak_concurrent_views
    from levels
    group by day, creator_id
)

select
    {{ platform() }} as platform,
    views.day,
    views.creator_id,
    views.viewers,
    views.videos_played,
    views.plays,
    views.watch_seconds,
    {{ ratio('views.watch_seconds', 'views.plays') }} as average_watch_seconds,
    views.completions,
    {{ ratio('views.completions', 'views.plays') }} as completion_rate,
    coalesce(peaks.peak_concurrent_views, 0) as peak_concurrent_views
from views
left join peaks
    on
        views.day = peaks.day
        and views.creator_id = peaks.creator_id
