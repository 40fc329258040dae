with bins as (
    select unnest(range(retention_bins))::integer as bin
    from {{ source('policy', 'bounds') }}
),

played as (
    select
        day,
        video_id,
        count(*) as plays
    from {{ ref('int_views') }}
    where played
    group by day, video_id
),

ends as (
    select
        day,
        video_id,
        furthest_bin,
        count(*) as furthest
    from {{ ref('int_views') }}
    where played
    group by day, video_id, furthest_bin
),

curve as (
    select
        played.day,
        played.video_id,
        bins.bin,
        played.plays,
        coalesce(ends.furthest, 0) as furthest,
        coalesce(
            sum(ends.furthest) over (
                partition by played.day, played.video_id order by bins.bin desc
            ),
            0
        )::bigint as reached
    from played
    cross join bins
    left join ends
        on
            played.day = ends.day
            and played.video_id = ends.video_id
            and bins.bin = ends.furthest_bin
)

select
    {{ platform() }} as platform,
    day,
    video_id,
    bin,
    furthest,
    reached,
    {{ ratio('reached', 'plays') }} as retention
from curve
