{# The rule for exact figures that anybody but the operator sees: no row about fewer than k viewers.
   The condition of every model in `models/exports`: in `qualify`, or in `where` if rows add up to
   nothing.

   viewers   expression: how many viewers the row is about
   key       columns that name the row among those with the same total
   within    columns of the total that is exported too and that the rows add up to; none: [].
             A row that is left out could be had as total minus the others. So where one is, the
             row with the fewest viewers of those that could stay goes too: what is missing is then
             about k viewers at least, and nothing about any part of it can be computed.
   adds_up   false where rows do not add up to anything (peaks): no second row has to go
#}
{% macro at_least_k_viewers(viewers, key=[], within=[], adds_up=true) -%}
    {%- set rows_of_a_total = (['day'] + within) | join(', ') -%}
    {{ viewers }} >= {{ k_anonymity() }}
    {%- if adds_up %}
    and not (
        min({{ viewers }}) over (partition by {{ rows_of_a_total }}) < {{ k_anonymity() }}
        and row_number() over (
            partition by {{ rows_of_a_total }}, {{ viewers }} >= {{ k_anonymity() }}
            order by {{ ([viewers] + key) | join(', ') }}
        ) = 1
    )
    {%- endif %}
{%- endmacro %}

{# k. Below 2 it would be no rule. #}
{% macro k_anonymity() -%}
    {%- set k = var('k_anonymity') -%}
    {%- if k is not integer or k < 2 -%}
        {{ exceptions.raise_compiler_error("k_anonymity must be an integer of at least 2, not " ~ k) }}
    {%- endif -%}
    {{ k }}
{%- endmacro %}

{# The rows of a mart that belong to the run's days. #}
{% macro built_rows(mart) -%}
    select * from {{ ref(mart) }} where platform = {{ platform() }} and {{ in_days() }}
{%- endmacro %}
