{# Incremental strategy of the marts: whatever the target holds of the run's days goes, also where a
   key has no row any more; other days and platforms stay. Same transaction, so readers see one or
   the other. #}
{% macro get_incremental_replace_days_sql(arg_dict) %}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ arg_dict['target_relation'] }}
    where platform = {{ platform() }} and {{ in_days() }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}
