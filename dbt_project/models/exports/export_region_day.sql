with regions as (
    {{ built_rows('region_day') }}
)

select * from regions
qualify {{ at_least_k_viewers('viewers', key=['country']) }}
