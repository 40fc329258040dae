-- What all marts count of a day is the same, however it is divided: views, plays, completions,
-- watch seconds. One row for each figure that differs.
with divided as (
    select
        'video' as mart,
        day,
        sum(views) as views,
        sum(plays) as plays,
        sum(completions) as completions,
        sum(watch_seconds) as watch_seconds
    from {{ ref('video_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
    union all
    select
        'creator' as mart,
        day,
        null as views,
        sum(plays) as plays,
        sum(completions) as completions,
        sum(watch_seconds) as watch_seconds
    from {{ ref('creator_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
    union all
    select
        'provider' as mart,
        day,
        sum(views) as views,
        sum(plays) as plays,
        null as completions,
        null as watch_seconds
    from {{ ref('storage_provider_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
    union all
    select
        'region' as mart,
        day,
        null as views,
        sum(plays) as plays,
        null as completions,
        sum(watch_seconds) as watch_seconds
    from {{ ref('region_day') }}
    where platform = {{ platform() }} and {{ in_days() }}
    group by day
),

marts as (
    select unnest(['video', 'creator', 'provider', 'region']) as mart
)

select
    whole.day,
    marts.mart
from {{ ref('platform_day') }} as whole
cross join marts
left join divided
    on
        whole.day = divided.day
        and marts.mart = divided.mart
where
    whole.platform = {{ platform() }}
    and {{ in_days('whole.day') }}
    and (
        coalesce(divided.views, whole.views) != whole.views
        or coalesce(divided.plays, 0) != whole.plays
        or coalesce(divided.completions, whole.completions) != whole.completions
        -- doubles: each is the sum of whole milliseconds, divided once
        or abs(coalesce(divided.watch_seconds, whole.watch_seconds) - whole.watch_seconds)
        > 1e-9 * greatest(whole.watch_seconds, 1)
    )
