-- A creator that is left out although it has enough viewers takes its videos along: they would tell
-- it, and with it what it hides.
with videos as (
    {{ built_rows('video_day') }}
),

of_exported_creators as (
    select videos.*
    from videos
    semi join {{ ref('export_creator_day') }} as creators
        on
            videos.platform = creators.platform
            and videos.day = creators.day
            and videos.creator_id = creators.creator_id
)

select * from of_exported_creators
qualify {{ at_least_k_viewers('viewers', key=['video_id'], within=['creator_id']) }}
