-- Every distinct event is in exactly one view, or counted as of an unknown video.
with views as (
    select
        day,
        sum(events) as events
    from {{ ref('int_views') }}
    group by day
)

select whole.day
from {{ ref('platform_day') }} as whole
left join views on whole.day = views.day
where
    whole.platform = {{ platform() }}
    and {{ in_days('whole.day') }}
    and whole.events - whole.unknown_video_events != coalesce(views.events, 0)
