select
    {{ platform() }} as platform,
    day,
    country,
    count(distinct viewer) filter (where played) as viewers,
    count(*) filter (where played) as plays,
    {{ seconds(total('watch_ms')) }} as watch_seconds
from {{ ref('int_views') }}
group by day, country
