select
    {{ platform() }} as platform,
    bounded.day,
    -- The order of pseudonyms is arbitrary and lasts a day, and so does this number.
    dense_rank() over (
        partition by bounded.day order by bounded.viewer
    ) as viewer_number,
    bounded.video_id,
    days.country,
    days.continent,
    days.provider,
    days.startup_bin,
    days.rebuffer_bin,
    days.first_of_week,
    days.first_of_month,
    days.at_peak,
    bounded.furthest_bin::bigint as furthest_bin,
    bounded.seconds
from {{ ref('int_contributions') }} as bounded
inner join {{ ref('int_viewer_days') }} as days
    on
        bounded.day = days.day
        and bounded.viewer = days.viewer
