-- Every distinct event of the raw layer is in exactly one view or counted as of an unknown video.
with events as (
    select
        day,
        count(*) as events
    from {{ ref('stg_events') }}
    group by day
)

select whole.day
from {{ ref('platform_day') }} as whole
left join events on whole.day = events.day
where
    whole.platform = {{ platform() }}
    and {{ in_days('whole.day') }}
    and whole.events + whole.unknown_video_events != coalesce(events.events, 0)
