"""Source `existing`: machines that somebody else made and keeps, reached by SSH."""
