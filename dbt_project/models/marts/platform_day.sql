with days as (
    {{ built_days() }}
),

views as (
    select
        day,
        count(distinct viewer) filter (where played) as daily_active_viewers,
        count(distinct session_id) filter (where played) as sessions,
        count(*) as views,
        count(*) filter (where played) as plays,
        {{ seconds(total('watch_ms')) }} as watch_seconds,
        count(*) filter (where completed) as completions
    from {{ ref('int_views') }}
    group by day
),

events as (
    select
        events.day,
        count(*) as events,
        count(*) filter (where videos.video_id is null) as unknown_video_events
    from {{ ref('stg_events') }} as events
    left join {{ ref('stg_videos') }} as videos on events.video_id = videos.video_id
    group by events.day
)

select
    {{ platform() }} as platform,
    days.day,
    coalesce(views.daily_active_viewers, 0) as daily_active_viewers,
    coalesce(views.sessions, 0) as sessions,
    coalesce(views.views, 0) as views,
    coalesce(views.plays, 0) as plays,
    coalesce(views.watch_seconds, 0) as watch_seconds,
    {{ ratio('views.watch_seconds', 'views.sessions') }} as average_watch_seconds,
    {{ ratio('views.plays', 'views.views') }} as play_rate,
    coalesce(views.completions, 0) as completions,
    {{ ratio('views.completions', 'views.plays') }} as completion_rate,
    coalesce(events.events, 0) as events,
    coalesce(events.unknown_video_events, 0) as unknown_video_events
from days
left join views on days.day = views.day
left join events on days.day = events.day
