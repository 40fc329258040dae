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
        bool_or(type = 'play') as played,
        bool_or(type = 'play') and bool_or(type = 'complete') as completed,
        bool_or(type = 'error') as failed,
        {{ total('played_ms') }} as watch_ms,
        {{ total("case when state = 'stalled' then gap_ms end") }} as stalled_ms,
        count(*) filter (where type = 'rebuffer') as rebuffers,
        arg_min(startup_ms, ordinal) filter (
            where type = 'play' and startup_ms is not null
        ) as startup_ms,
        {{ total('delivered_bytes') }} as delivered_bytes,
        coalesce(max(position_ms) filter (where type != 'seek'), 0) as furthest_ms
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
