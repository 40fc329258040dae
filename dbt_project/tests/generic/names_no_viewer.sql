{# No identifier of a viewer leaves intermediate: neither a column meant for one, nor a text value
   that is one of the run's pseudonyms. One row for each finding. #}
{% test names_no_viewer(model) %}
    {%- set views = ref('int_views') -%}
    {%- set forbidden = ['viewer', 'viewer_id', 'pseudonym', 'session_id', 'session', 'user_id', 'address', 'user_agent'] -%}
    {%- set columns = adapter.get_columns_in_relation(model) if execute else [] -%}
    select 'none' as finding where false
    {%- for column in columns %}
        {%- if column.name | lower in forbidden %}
            union all
            select 'column {{ column.name }}' as finding
        {%- elif column.is_string() %}
            union all
            select 'value in {{ column.name }}' as finding
            from {{ model }}
            where {{ in_days() }}
                and {{ column.quoted }} in (select viewer from {{ views }})
        {%- endif %}
    {%- endfor %}
{% endtest %}
