with levels as (
    {{ presence_levels(['day']) }}
),

touched as (
    -- every minute that a level lasts through, or into
    select
        day,
        present,
        unnest(
            range(
                at_ms % 86400000 // 60000,
                (until_ms - 1) % 86400000 // 60000 + 1
            )
        )::integer as minute
    from levels
    where present > 0
)

select
    {{ platform() }} as platform,
    day,
    minute,
    max(present) as peak_concurrent_views
from touched
group by day, minute
