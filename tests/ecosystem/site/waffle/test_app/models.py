"""What django-waffle's tests expect of an application with models of its own."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from waffle.models import AbstractBaseSample, AbstractBaseSwitch, AbstractUserFlag


class Company(models.Model):
    name = models.CharField(max_length=100)


class CompanyUser(AbstractBaseUser):
    USERNAME_FIELD = "username"

    company = models.ForeignKey(Company, models.CASCADE)
    username = models.CharField(max_length=100)


class CompanyAwareFlag(AbstractUserFlag):
    companies = models.ManyToManyField(Company, blank=True)

    def is_active_for_user(self, user):
        company = getattr(user, "company", None)
        if company is not None and self.companies.filter(pk=company.pk).exists():
            return True
        return super().is_active_for_user(user)


class CustomSwitch(AbstractBaseSwitch):
    pass


class CustomSample(AbstractBaseSample):
    pass
