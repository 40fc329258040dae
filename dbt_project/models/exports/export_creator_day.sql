with creators as (
    {{ built_rows('creator_day') }}
)

select * from creators
qualify {{ at_least_k_viewers('viewers', key=['creator_id']) }}
