"""Three pages: the caches, live; the catalogue; one book."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.live, name="live"),
    path("books/", views.catalogue, name="catalogue"),
    path("books/<slug:slug>/", views.book, name="book"),
]
