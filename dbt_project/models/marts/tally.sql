with days as (
    {{ built_days() }}
),

-- every row a release has, whatever the day's data
keys as (
    select
        'platform' as scope,
        '' as key
    union all
    select
        'video' as scope,
        video_id as key
    from {{ ref('stg_videos') }}
    union all
    select distinct
        'creator' as scope,
        creator_id as key
    from {{ ref('stg_videos') }}
    union all
    select
        'provider' as scope,
        provider as key
    from {{ source('policy', 'providers') }}
    union all
    select
        'region' as scope,
        country as key
    from {{ source('policy', 'regions') }}
),

by_platform as (
    select
        day,
        count(*) as viewers,
        count(*) filter (where at_peak) as peak_viewers,
        count(*) filter (where first_of_week) as first_of_week,
        count(*) filter (where first_of_month) as first_of_month
    from {{ ref('int_viewer_days') }}
    group by day
),

by_video as (
    select
        day,
        video_id,
        count(*) as viewers,
        sum(seconds)::bigint as watch_seconds
    from {{ ref('int_contributions') }}
    group by day, video_id
),

viewers_of_creators as (
    select
        bounded.day,
        bounded.creator_id,
        days.continent,
        count(distinct bounded.viewer) as viewers,
        sum(bounded.seconds)::bigint as watch_seconds
    from {{ ref('int_contributions') }} as bounded
    inner join {{ ref('int_viewer_days') }} as days
        on
            bounded.day = days.day
            and bounded.viewer = days.viewer
    group by bounded.day, bounded.creator_id, days.continent
),

figures as (
    select
        day,
        'platform' as scope,
        '' as key,
        unnest(['viewers', 'peak_viewers', 'first_of_week', 'first_of_month']) as metric,
        unnest([viewers, peak_viewers, first_of_week, first_of_month]) as value
    from by_platform
    union all
    select
        day,
        'platform' as scope,
        '' as key,
        unnest(['views', 'watch_seconds']) as metric,
        unnest([sum(viewers), sum(watch_seconds)]) as value
    from by_video
    group by day
    union all
    select
        day,
        'video' as scope,
        video_id as key,
        unnest(['viewers', 'watch_seconds']) as metric,
        unnest([viewers, watch_seconds]) as value
    from by_video
    union all
    select
        day,
        'video' as scope,
        video_id as key,
        format('furthest_bin_{:02d}', furthest_bin) as metric,
        count(*) as value
    from {{ ref('int_contributions') }}
    group by day, video_id, furthest_bin
    union all
    select
        day,
        'creator' as scope,
        creator_id as key,
        unnest(['viewers', 'watch_seconds']) as metric,
        unnest([sum(viewers), sum(watch_seconds)]) as value
    from viewers_of_creators
    group by day, creator_id
    union all
    select
        day,
        'creator' as scope,
        creator_id as key,
        'viewers_' || continent as metric,
        viewers as value
    from viewers_of_creators
    union all
    select
        day,
        'provider' as scope,
        provider as key,
        unnest(['viewers', 'startup_' || startup_bin, 'rebuffer_' || rebuffer_bin]) as metric,
        1 as value
    from {{ ref('int_viewer_days') }}
    union all
    select
        day,
        'region' as scope,
        country as key,
        'viewers' as metric,
        count(*) as value
    from {{ ref('int_viewer_days') }}
    group by day, country
),

totals as (
    select
        day,
        scope,
        key,
        metric,
        sum(value)::bigint as value
    from figures
    group by day, scope, key, metric
)

select
    {{ platform() }} as platform,
    days.day,
    keys.scope,
    keys.key,
    metrics.metric,
    coalesce(totals.value, 0) as value
from days
cross join keys
inner join {{ source('policy', 'metrics') }} as metrics on keys.scope = metrics.scope
left join totals
    on
        days.day = totals.day
        and keys.scope = totals.scope
        and keys.key = totals.key
        and metrics.metric = totals.metric
