"""Three pages: the caches, live; the catalogue; one book. One for Prometheus, and the admin."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.live, name="live"),
    path("admin/", admin.site.urls),
    path("metrics", views.metrics, name="metrics"),
    path("books/", views.catalogue, name="catalogue"),
    path("books/<slug:slug>/", views.book, name="book"),
]
