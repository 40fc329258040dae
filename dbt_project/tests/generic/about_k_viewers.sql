{# Rows of the run's days about fewer than k viewers. Says it again in other words than the macro. #}
{% test about_k_viewers(model, viewers='viewers') %}
    select 1 as row_about_too_few
    from {{ model }}
    where {{ in_days() }} and not coalesce({{ viewers }} > {{ k_anonymity() }} - 1, false)
{% endtest %}
