{# Rows of the run's days for which a condition is not true. #}
{% test holds(model, condition) %}
    select 1 as broken
    from {{ model }}
    where {{ in_days() }} and ({{ condition }}) is not true
{% endtest %}
