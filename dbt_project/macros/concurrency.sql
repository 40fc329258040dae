{# Views present over time, of every key: one row per instant at which the number changes.

   at_ms      the instant
   until_ms   the next one (null after the last)
   present    views present in [at_ms, until_ms)
#}
{% macro presence_levels(keys) -%}
    select
        {{ keys | join(', ') }},
        at_ms,
        lead(at_ms) over (partition by {{ keys | join(', ') }} order by at_ms) as until_ms,
        sum(sum(change)) over (partition by {{ keys | join(', ') }} order by at_ms)::bigint as present
    from {{ ref('int_presence_changes') }}
    group by {{ keys | join(', ') }}, at_ms
{%- endmacro %}
