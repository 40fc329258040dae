with providers as (
    select
        day,
        provider,
        count(*) as views,
        count(*) filter (where played) as plays,
        {{ total('delivered_bytes') }} as delivered_bytes,
        -- literals of type DECIMAL: DuckDB then finds the rank in whole numbers
        quantile_disc(startup_ms, 0.50) filter (where played) as startup_ms_p50,
        quantile_disc(startup_ms, 0.95) filter (where played) as startup_ms_p95,
        {{ total('rebuffers') }} as rebuffers,
        {{ total('watch_ms') }} as watch_ms,
        {{ total('stalled_ms') }} as stalled_ms,
        count(*) filter (where failed) as errors
    from {{ ref('int_views') }}
    group by day, provider
)

select
    {{ platform() }} as platform,
    day,
    provider,
    views,
    plays,
    delivered_bytes,
    startup_ms_p50::bigint as startup_ms_p50,
    startup_ms_p95::bigint as startup_ms_p95,
    rebuffers,
    {{ seconds('watch_ms') }} as watch_seconds,
    {{ seconds('stalled_ms') }} as stalled_seconds,
    {{ ratio('stalled_ms', '(watch_ms + stalled_ms)') }} as rebuffer_ratio,
    errors,
    {{ ratio('errors', 'views') }} as error_rate
from providers
