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
        count(*) filter (where completed) as completions,
        {{ total('events') }} as events
    from {{ ref('int_views') }}
    group by day
),

unknown as (
    select
        events.day,
        count(*) as events
    from {{ ref('stg_events') }} as events
    anti join {{ ref('stg_videos') }} as videos on events.video_id = videos.video_id
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
    coalesce(views.events, 0) as events,
    coalesce(unknown.events, 0) as unknown_video_events
from days
left join views on days.day = views.day
left join unknown on days.day = unknown.day
