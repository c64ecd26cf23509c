"""What the shop sells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Book:
    """A book; ``first`` is the day of its first edition, as far as it is known."""

    slug: str
    title: str
    author: str
    first: date
    price: Decimal
    subjects: frozenset[str] = field(default_factory=frozenset)


def _book(title: str, author: str, first: date, price: str, *subjects: str) -> Book:
    slug = "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    return Book(slug, title, author, first, Decimal(price), frozenset(subjects))


BOOKS = (
    _book("Persuasion", "Jane Austen", date(1817, 12, 20), "9.50", "novel", "sea"),
    _book("Frankenstein", "Mary Shelley", date(1818, 1, 1), "8.90", "novel", "science"),
    _book("Walden", "Henry David Thoreau", date(1854, 8, 9), "11.00", "essay", "nature"),
    _book("Moby Dick", "Herman Melville", date(1851, 10, 18), "14.20", "novel", "sea"),
    _book("Middlemarch", "George Eliot", date(1871, 12, 1), "13.80", "novel"),
    _book("The Origin of Species", "Charles Darwin", date(1859, 11, 24), "16.40", "science"),
    _book("Treasure Island", "Robert Louis Stevenson", date(1883, 11, 14), "7.90", "novel", "sea"),
    _book("Flatland", "Edwin A. Abbott", date(1884, 11, 1), "6.50", "novel", "science"),
    _book("The Awakening", "Kate Chopin", date(1899, 4, 22), "8.20", "novel", "sea"),
    _book("Kim", "Rudyard Kipling", date(1901, 10, 1), "9.10", "novel"),
    _book("Three Men in a Boat", "Jerome K. Jerome", date(1889, 8, 30), "7.40", "novel"),
    _book("My First Summer in the Sierra", "John Muir", date(1911, 6, 1), "10.30", "nature"),
)

BY_SLUG = {book.slug: book for book in BOOKS}


def alike(book: Book) -> list[Book]:
    """Other books on a subject of ``book``, those with most subjects in common first."""
    others = [other for other in BOOKS if other != book and other.subjects & book.subjects]
    return sorted(others, key=lambda other: -len(other.subjects & book.subjects))[:4]
