"""The addresses that django-waffle's tests ask for."""

from django.urls import include, path
from test_app.views import flag_in_view

urlpatterns = [path("", include("waffle.urls")), path("flag_in_view", flag_in_view)]
