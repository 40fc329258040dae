{# Events that lie in the file of another day. #}
{% test lies_in_its_day(model, column_name) %}
    select 1 as misplaced
    from {{ model }}
    where {{ day_of_ms(column_name) }} != raw_day
{% endtest %}
