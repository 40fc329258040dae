with first_plays as (
    select
        day,
        viewer,
        country,
        provider,
        startup_ms
    from {{ ref('int_views') }}
    where played
    qualify row_number() over (
        partition by day, viewer order by started_at_ms, session_id, video_id
    ) = 1
),

sums as (
    select
        day,
        viewer,
        {{ total('stalled_ms') }} as stalled_ms,
        {{ total('watch_ms') }} as watch_ms,
        bool_or(first_of_week) as first_of_week,
        bool_or(first_of_month) as first_of_month
    from {{ ref('int_views') }}
    where played
    group by day, viewer
),

changes as (
    select
        day,
        unnest([start_ms, end_ms]) as at_ms,
        unnest([1, -1]) as change
    from {{ ref('int_viewer_presence') }}
),

levels as (
    select
        day,
        at_ms,
        sum(sum(change)) over (partition by day order by at_ms) as viewers_present
    from changes
    group by day, at_ms
),

peaks as (
    -- the first instant at which most viewers are present
    select
        day,
        arg_min(at_ms, (-viewers_present, at_ms)) as at_ms
    from levels
    group by day
),

present_at_peak as (
    select
        spans.day,
        spans.viewer
    from {{ ref('int_viewer_presence') }} as spans
    inner join peaks on spans.day = peaks.day
    where spans.start_ms <= peaks.at_ms and spans.end_ms > peaks.at_ms
)

select
    first_plays.day,
    first_plays.viewer,
    first_plays.country,
    regions.continent,
    first_plays.provider,
    coalesce(startup_bins.bin, bounds.startup_not_reported)::bigint as startup_bin,
    case when sums.stalled_ms = 0 then 0 else rebuffer_bins.bin end::bigint as rebuffer_bin,
    sums.first_of_week,
    sums.first_of_month,
    present_at_peak.viewer is not null as at_peak
from first_plays
inner join sums
    on
        first_plays.day = sums.day
        and first_plays.viewer = sums.viewer
inner join {{ source('policy', 'regions') }} as regions on first_plays.country = regions.country
cross join {{ source('policy', 'bounds') }} as bounds
-- the last bin that begins at or below the value
asof left join {{ source('policy', 'startup_bins') }} as startup_bins
    on first_plays.startup_ms >= startup_bins.from_ms
asof left join {{ source('policy', 'rebuffer_bins') }} as rebuffer_bins
    on
        1000 * sums.stalled_ms // greatest(sums.stalled_ms + sums.watch_ms, 1)
        >= rebuffer_bins.from_permille
left join present_at_peak
    on
        first_plays.day = present_at_peak.day
        and first_plays.viewer = present_at_peak.viewer
