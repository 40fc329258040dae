with minutes as (
    {{ built_rows('concurrency_minute') }}
),

present as (
    select
        day,
        viewer,
        unnest(
            range(
                at_ms % 86400000 // 60000,
                (at_ms + played_ms - 1) % 86400000 // 60000 + 1
            )
        )::integer as minute
    from {{ ref('int_view_intervals') }}
    where played_ms > 0
),

counted as (
    select
        day,
        minute,
        count(distinct viewer) as viewers
    from present
    group by day, minute
)

select
    minutes.*,
    counted.viewers
from minutes
inner join counted on minutes.day = counted.day and minutes.minute = counted.minute
where {{ at_least_k_viewers('counted.viewers', adds_up=false) }}
