with views as (
    select
        day,
        session_id,
        video_id,
        arg_min(viewer, ordinal) as viewer,
        arg_min(country, ordinal) as country,
        arg_min(provider, ordinal) as provider,
        min(at_ms) as started_at_ms,
        count(*) as events,
        bool_or(type in ('play', 'summary')) as played,
        bool_or(type = 'play') and bool_or(type = 'complete') as completed,
        bool_or(type = 'error') as failed,
        -- a device's later summaries include the earlier ones
        {{ total('played_ms') }} + coalesce(max(watched_ms), 0) as watch_ms,
        {{ total("case when state = 'stalled' then gap_ms end") }}
        + coalesce(max(stalled_ms), 0) as stalled_ms,
        count(*) filter (where type = 'rebuffer') as rebuffers,
        arg_min(startup_ms, ordinal) filter (
            where type in ('play', 'summary') and startup_ms is not null
        ) as startup_ms,
        {{ total('delivered_bytes') }} as delivered_bytes,
        coalesce(max(position_ms) filter (where type != 'seek'), 0) as furthest_ms,
        coalesce(bool_or(first_of_week), false) as first_of_week,
        coalesce(bool_or(first_of_month), false) as first_of_month
    from {{ ref('int_view_intervals') }}
    group by day, session_id, video_id
)

select
    views.* exclude (country),
    coalesce(regions.country, 'ZZ') as country,
    videos.creator_id,
    videos.duration_ms,
    least(
        bounds.retention_bins - 1,
        bounds.retention_bins * views.furthest_ms // videos.duration_ms
    )::integer as furthest_bin
from views
inner join {{ ref('stg_videos') }} as videos on views.video_id = videos.video_id
cross join {{ source('policy', 'bounds') }} as bounds
left join {{ source('policy', 'regions') }} as regions on views.country = regions.country
