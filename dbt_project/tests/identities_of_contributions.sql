-- The contributions sum to the tally, row by row: what is proved is what is released.
with contributions as (
    select *
    from {{ ref('contributions') }}
    where platform = {{ platform() }} and {{ in_days() }}
),

videos as (
    select
        contributions.*,
        videos.creator_id
    from contributions
    left join {{ ref('stg_videos') }} as videos on contributions.video_id = videos.video_id
),

groups as (
    select
        'platform' as scope,
        '' as key,
        *
    from videos
    union all
    select
        'video' as scope,
        video_id as key,
        *
    from videos
    union all
    select
        'creator' as scope,
        creator_id as key,
        *
    from videos
    union all
    select
        'provider' as scope,
        provider as key,
        *
    from videos
    union all
    select
        'region' as scope,
        country as key,
        *
    from videos
),

sums as (
    select
        day,
        scope,
        key,
        unnest(
            [
                'viewers', 'views', 'watch_seconds', 'first_of_week', 'first_of_month',
                'peak_viewers'
            ]
        ) as metric,
        unnest(
            [
                count(distinct viewer_number),
                count(*),
                sum(seconds)::bigint,
                count(distinct viewer_number) filter (where first_of_week),
                count(distinct viewer_number) filter (where first_of_month),
                count(distinct viewer_number) filter (where at_peak)
            ]
        ) as value
    from groups
    group by day, scope, key
    union all
    select
        day,
        scope,
        key,
        cell as metric,
        count(distinct viewer_number) as value
    from (
        select
            *,
            unnest(
                [
                    format('furthest_bin_{:02d}', furthest_bin),
                    'startup_' || startup_bin,
                    'rebuffer_' || rebuffer_bin,
                    'viewers_' || continent
                ]
            ) as cell
        from groups
    ) as cells
    group by day, scope, key, cell
),

released as (
    select *
    from {{ ref('tally') }}
    where platform = {{ platform() }} and {{ in_days() }}
),

metrics as (
    select distinct
        scope,
        metric
    from released
),

-- sums that nobody releases (views of a video, seconds of a region) are not compared
comparable as (
    select sums.*
    from sums
    inner join metrics on sums.scope = metrics.scope and sums.metric = metrics.metric
)

select
    coalesce(released.day, comparable.day) as day,
    coalesce(released.scope, comparable.scope) as scope
from released
full outer join comparable
    on
        released.day = comparable.day
        and released.scope = comparable.scope
        and released.key = comparable.key
        and released.metric = comparable.metric
where coalesce(released.value, 0) != coalesce(comparable.value, 0)
