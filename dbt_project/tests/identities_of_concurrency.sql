-- The day's peak is its highest minute; no video or creator is above it, and together the videos'
-- peaks are not below it.
with minutes as (
    select
        day,
        max(peak_concurrent_views) as peak
    from {{ ref('concurrency_minute') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
),

videos as (
    select
        day,
        max(peak_concurrent_views) as peak,
        sum(peak_concurrent_views) as peaks
    from {{ ref('video_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
),

creators as (
    select
        day,
        max(peak_concurrent_views) as peak,
        sum(peak_concurrent_views) as peaks
    from {{ ref('creator_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
)

select days.day
from {{ ref('concurrency_day') }} as days
left join minutes on days.day = minutes.day
left join videos on days.day = videos.day
left join creators on days.day = creators.day
where
    days.platform = {{ platform() }}
    and {{ in_days('days.day') }}
    and (
        days.peak_concurrent_views != coalesce(minutes.peak, 0)
        or coalesce(videos.peak, 0) > coalesce(creators.peak, 0)
        or coalesce(creators.peak, 0) > days.peak_concurrent_views
        or coalesce(creators.peaks, 0) < days.peak_concurrent_views
        or coalesce(videos.peaks, 0) < coalesce(creators.peaks, 0)
    )
