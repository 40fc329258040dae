{# Rows of the run's days whose key occurs more than once. #}
{% test unique_key(model, columns, day_column='day') %}
    select {{ columns | join(', ') }}
    from {{ model }}
    {% if day_column %}where {{ in_days(day_column) }}{% endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
