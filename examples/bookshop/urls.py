"""Three pages: the caches, live; the catalogue; one book. And one that Prometheus reads."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.live, name="live"),
    path("metrics", views.metrics, name="metrics"),
    path("books/", views.catalogue, name="catalogue"),
    path("books/<slug:slug>/", views.book, name="book"),
]
