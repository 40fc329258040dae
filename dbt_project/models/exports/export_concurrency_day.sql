with peaks as (
    {{ built_rows('concurrency_day') }}
)

select
    peaks.*,
    minutes.viewers
from peaks
inner join {{ ref('export_concurrency_minute') }} as minutes
    on
        peaks.platform = minutes.platform
        and peaks.day = minutes.day
        and peaks.peak_minute = minutes.minute
where {{ at_least_k_viewers('minutes.viewers', adds_up=false) }}
