"""Adapters of the forecaster port."""
