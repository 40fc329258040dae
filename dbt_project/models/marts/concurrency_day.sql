with days as (
    {{ built_days() }}
),

peaks as (
    select
        day,
        max(peak_concurrent_views) as peak_concurrent_views,
        arg_min(minute, (-peak_concurrent_views, minute)) as peak_minute
    from {{ ref('concurrency_minute') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
)

select
    {{ platform() }} as platform,
    days.day,
    coalesce(peaks.peak_concurrent_views, 0) as peak_concurrent_views,
    peaks.peak_minute
from days
left join peaks on days.day = peaks.day
