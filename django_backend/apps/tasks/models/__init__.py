from apps.tasks.models.comment import Comment
from apps.tasks.models.delivery import Delivery, DeliveryPosition
from apps.tasks.models.history import History
from apps.tasks.models.project import Project, ProjectCounter, ProjectMember, Visibility
from apps.tasks.models.status import Category, Status
from apps.tasks.models.task import Assignment, AssignmentRole, Priority, Task

__all__ = [
    "Assignment",
    "AssignmentRole",
    "Category",
    "Comment",
    "Delivery",
    "DeliveryPosition",
    "History",
    "Priority",
    "Project",
    "ProjectCounter",
    "ProjectMember",
    "Status",
    "Task",
    "Visibility",
]
