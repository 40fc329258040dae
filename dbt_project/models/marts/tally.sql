with days as (
    {{ built_days() }}
),

bins as (
    select format('furthest_bin_{:02d}', unnest(range(retention_bins))) as metric
    from {{ source('policy', 'bounds') }}
),

-- every row a release has, whatever the day's data
video_metrics as (
    select unnest(['viewers', 'watch_seconds']) as metric
    union all
    select metric from bins
),

keys as (
    select
        'platform' as scope,
        '' as key,
        unnest(['viewers', 'views', 'watch_seconds']) as metric
    union all
    select
        'video' as scope,
        videos.video_id as key,
        video_metrics.metric
    from {{ ref('stg_videos') }} as videos
    cross join video_metrics
    union all
    select distinct
        'creator' as scope,
        creator_id as key,
        unnest(['viewers', 'watch_seconds']) as metric
    from {{ ref('stg_videos') }}
    union all
    select
        'region' as scope,
        country as key,
        'viewers' as metric
    from {{ source('policy', 'regions') }}
),

by_platform as (
    select
        day,
        count(distinct viewer) as viewers,
        count(*) as views,
        sum(seconds)::bigint as watch_seconds
    from {{ ref('int_contributions') }}
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

by_creator as (
    select
        day,
        creator_id,
        count(distinct viewer) as viewers,
        sum(seconds)::bigint as watch_seconds
    from {{ ref('int_contributions') }}
    group by day, creator_id
),

figures as (
    select
        day,
        'platform' as scope,
        '' as key,
        unnest(['viewers', 'views', 'watch_seconds']) as metric,
        unnest([viewers, views, watch_seconds]) as value
    from by_platform
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
        unnest([viewers, watch_seconds]) as value
    from by_creator
    union all
    select
        day,
        'region' as scope,
        country as key,
        'viewers' as metric,
        count(distinct viewer) as value
    from {{ ref('int_contributions') }}
    group by day, country
)

select
    {{ platform() }} as platform,
    days.day,
    keys.scope,
    keys.key,
    keys.metric,
    coalesce(figures.value, 0)::bigint as value
from days
cross join keys
left join figures
    on
        days.day = figures.day
        and keys.scope = figures.scope
        and keys.key = figures.key
        and keys.metric = figures.metric
