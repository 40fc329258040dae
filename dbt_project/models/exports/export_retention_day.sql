-- Where a play ended, not how many came that far: the difference of two neighbours of a curve is
-- often about a single viewer.
with ends as (
    {{ built_rows('retention_day') }}
),

counted as (
    select
        day,
        video_id,
        furthest_bin,
        count(distinct viewer) as viewers
    from {{ ref('int_views') }}
    where played
    group by day, video_id, furthest_bin
),

with_viewers as (
    select
        ends.platform,
        ends.day,
        ends.video_id,
        ends.bin,
        counted.viewers,
        ends.furthest
    from ends
    inner join counted
        on
            ends.day = counted.day
            and ends.video_id = counted.video_id
            and ends.bin = counted.furthest_bin
    semi join {{ ref('export_video_day') }} as videos
        on
            ends.platform = videos.platform
            and ends.day = videos.day
            and ends.video_id = videos.video_id
)

select * from with_viewers
qualify {{ at_least_k_viewers('viewers', key=['bin'], within=['video_id']) }}
