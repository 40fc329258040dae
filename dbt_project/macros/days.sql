{# The days of this run, both ends included: vars start_day and end_day (default: start_day). #}

{% macro start_day() -%}
    date '{{ var("start_day", "") or "1970-01-01" }}'
{%- endmacro %}

{% macro end_day() -%}
    date '{{ var("end_day", var("start_day", "")) or "1970-01-01" }}'
{%- endmacro %}

{# Before anything runs: nobody builds a day by accident. (Documentation needs no day.) #}
{% macro require_days() %}
    {%- if execute and not var('start_day', '') and flags.WHICH in ('build', 'run', 'test') -%}
        {{ exceptions.raise_compiler_error("Say which days to build: --vars '{start_day: 2026-01-01, end_day: 2026-01-03}'") }}
    {%- endif -%}
{% endmacro %}

{% macro in_days(column='day') -%}
    {{ column }} between {{ start_day() }} and {{ end_day() }}
{%- endmacro %}

{# One row a day. #}
{% macro built_days() -%}
    select cast(unnest(generate_series({{ start_day() }}, {{ end_day() }}, interval 1 day)) as date) as day
{%- endmacro %}

{# UTC day of a Unix time in milliseconds. #}
{% macro day_of_ms(column) -%}
    date '1970-01-01' + cast({{ column }} // 86400000 as integer)
{%- endmacro %}

{% macro platform() -%}
    '{{ env_var("ANALYTICS_PLATFORM", "demo") }}'
{%- endmacro %}
