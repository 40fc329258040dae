with totals as (
    {{ built_rows('platform_day') }}
)

select * from totals
qualify {{ at_least_k_viewers('daily_active_viewers', key=['day']) }}
