{# Values that are not above zero. #}
{% test positive(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where ({{ column_name }} > 0) is not true
{% endtest %}
