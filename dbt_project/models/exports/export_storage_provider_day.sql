with providers as (
    {{ built_rows('storage_provider_day') }}
),

counted as (
    select
        day,
        provider,
        count(distinct viewer) filter (where played) as viewers
    from {{ ref('int_views') }}
    group by day, provider
),

with_viewers as (
    select
        providers.*,
        counted.viewers
    from providers
    inner join counted on providers.day = counted.day and providers.provider = counted.provider
)

select * from with_viewers
qualify {{ at_least_k_viewers('viewers', key=['provider']) }}
