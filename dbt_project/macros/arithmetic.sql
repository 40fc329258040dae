{# Double; null where the denominator is 0. #}
{% macro ratio(numerator, denominator) -%}
    {{ numerator }} / nullif({{ denominator }}, 0)
{%- endmacro %}

{% macro seconds(milliseconds) -%}
    {{ milliseconds }} / 1000.0::double
{%- endmacro %}

{# Exact sum: DuckDB sums BIGINT into HUGEINT; no figure of a day comes near 2^63. Null to 0. #}
{% macro total(expression) -%}
    coalesce(sum({{ expression }}), 0)::bigint
{%- endmacro %}

{# HMAC-SHA-256 in hex of a text, under the secret whose two pads the plugin gave this cursor
   (analytics_pipeline/storage/dbt_plugin.py). The key stands in no SQL. #}
{% macro selection_hash(text) -%}
    sha256(
        getvariable('selection_outer')
        || unhex(sha256(getvariable('selection_inner') || encode({{ text }})))
    )
{%- endmacro %}
